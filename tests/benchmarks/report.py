"""The report: sections with a table each, and a picture of them."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Measured
from benchmarks.work import Work


@dataclass(frozen=True, slots=True)
class Bar:
    """What has to be reached.

    Attributes:
        title: the bar as a sentence.
        reached: the figure, in the words of the bar; None where nothing was measured.
        passed: whether it is enough.
    """

    title: str
    reached: str | None
    passed: bool

    def __str__(self) -> str:
        if self.reached is None:
            return f"{self.title}: not measured"
        return f"{self.title}: {self.reached}, **{'pass' if self.passed else 'MISS'}**"


@dataclass(frozen=True, slots=True)
class Section:
    """One table.

    Attributes:
        title: begins with the letter of the case.
        header: of the columns.
        rows: cells.
        bars: that must be reached.
        lengths: what the picture shows, by name; the unit is ``unit``.
        unit: of the lengths.
        remarks: in sentences.
        commands: exact commands by name.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[Bar, ...] = ()
    lengths: dict[str, float] = field(default_factory=dict)
    unit: str = "s"
    remarks: tuple[str, ...] = ()
    commands: dict[str, str] = field(default_factory=dict)


_HEADER = (
    "",
    "s median (min - max)",
    "MB/s of pixels",
    "first byte ms",
    "server CPU s",
    "peak MB",
    "bytes",
    "time / rasterwire's",
    "pixels",
)


def of_work(letter: str, work: Work, measured: Sequence[Measured], bars: Sequence[Bar]) -> Section:
    """Return the section of one download."""
    seconds = next((m.seconds for m in measured if m.family == "rasterwire" and m.runs), None)
    return Section(
        title=f"{letter}. {work.title}",
        header=_HEADER,
        rows=tuple(_row(work, m, seconds) for m in measured),
        bars=tuple(bars),
        lengths={m.name: m.seconds for m in measured if m.runs},
        remarks=_best(measured, seconds),
        commands={m.name: m.command for m in measured},
    )


def _row(work: Work, m: Measured, reference: float | None) -> tuple[str, ...]:
    if not m.runs:
        return (m.name, *["-"] * (len(_HEADER) - 2), m.verdict)
    times = [run.seconds for run in m.runs]
    return (
        m.name,
        f"{m.seconds:.3f} ({min(times):.3f} - {max(times):.3f})",
        f"{work.pixel_bytes / m.seconds / 1e6:.0f}",
        "-" if m.first_byte is None else f"{1000 * m.first_byte:.0f}",
        f"{m.cpu_seconds:.2f}",
        f"{m.peak / 1e6:.0f}",
        f"{m.size:,}",
        "-" if reference is None else f"{m.seconds / reference:.2f}",
        m.verdict,
    )


def _best(measured: Sequence[Measured], reference: float | None) -> tuple[str, ...]:
    peers = [m for m in measured if m.runs and m.family != "rasterwire"]
    if reference is None or not peers:
        return ()
    best = min(peers, key=lambda m: m.seconds)
    return (f"Best peer: {best.name}, {best.seconds / reference:.2f} x the time of rasterwire.",)


def faster(measured: Sequence[Measured], family: str, times: float) -> Bar:
    """Return whether rasterwire is so many times as fast as the best of a family."""
    seconds = [m.seconds for m in measured if m.family == "rasterwire" and m.runs]
    peers = [m.seconds for m in measured if m.family == family and m.runs]
    title = f"at least {times:g} x as fast as the best of {family}"
    if not seconds or not peers:
        return Bar(title, reached=None, passed=False)
    ratio = min(peers) / min(seconds)
    return Bar(title, f"{ratio:.2f} x", ratio >= times)


def write_report(
    out: Path,
    facts: Sequence[tuple[str, str]],
    missing: Sequence[str],
    sections: Sequence[Section],
    places: Mapping[str, str],
) -> None:
    """Write ``benchmarks.md``, and ``benchmarks.svg`` where matplotlib can be had.

    Args:
        out: folder of both.
        facts: of the machine and the versions, with their names.
        missing: who did not take part.
        sections: in their order.
        places: folders of this machine, and the words that stand for them.
    """
    out.mkdir(parents=True, exist_ok=True)
    lines = ["# Benchmarks", "", "Written by `make bench`; " + _HOW, ""]
    lines += [f"- {key}: {value}" for key, value in facts]
    lines += [f"- **missing**: {remark}" for remark in missing]
    bars = [(section, bar) for section in sections for bar in section.bars]
    if bars:
        lines += ["", "## Bars", "", "| case | bar | reached | |", "|---|---|---|---|"]
        lines += [
            f"| {s.title} | {b.title} | {b.reached or '-'} | "
            f"{'not measured' if b.reached is None else 'pass' if b.passed else '**MISS**'} |"
            for s, b in bars
        ]
    if _draw(out / "benchmarks.svg", [section for section in sections if section.lengths]):
        lines += ["", "![all cases](benchmarks.svg)"]
    for section in sections:
        lines += ["", *_section(section)]
    lines += ["", "## Commands", ""]
    for section in sections:
        if section.commands:
            lines += [f"### {section.title}", ""]
            for name, command in section.commands.items():
                lines += [f"{name}:", "", *(f"    {line}" for line in command.splitlines()), ""]
    text = "\n".join(lines).rstrip() + "\n"
    for place, word in places.items():
        text = text.replace(place, word)
    (out / "benchmarks.md").write_text(text, encoding="utf-8")


_HOW = (
    "contenders take turns (A B C A B C ...), one run of each first does not count; rasterwire's loops were compiled "
    "by an earlier process. Server CPU is user and system "
    "time of all processes of a server, or of a command; peak is the resident memory of the process that had the "
    "most, mapped files included. rasterwire is measured as a whole trip through its own client, which checks every "
    "byte; HTTP bodies are written to a file too, unchecked. A run ends when its file is on the disk: fsync is called "
    "on the files of all, as rasterwire's client does by itself. The pixels of one file of each are "
    "compared: nearest on the source's crs with the source's own pixels, all else with `gdalwarp -et 0 -ovr NONE`."
)


def _section(section: Section) -> list[str]:
    lines = [f"## {section.title}", ""]
    lines += ["| " + " | ".join(section.header) + " |", "|" + "---|" * len(section.header)]
    lines += ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in section.rows]
    if section.remarks:
        lines += ["", *section.remarks]
    if section.bars:
        lines += ["", *(f"- {bar}" for bar in section.bars)]
    return lines


def machine() -> list[tuple[str, str]]:
    """Return what the figures depend on."""
    import rasterio

    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return [
        ("cores", f"{os.cpu_count()} ({model[1] if model else platform.machine()})"),
        ("memory", f"{int(memory[1]) / 2**20:.0f} GiB" if memory else "?"),
        ("load at the start", " ".join(f"{load:.2f}" for load in os.getloadavg())),
        ("kernel", platform.release()),
        (
            "Python",
            f"{platform.python_version()}, rasterio {rasterio.__version__} with GDAL {rasterio.__gdal_version__}",
        ),
    ]


def _draw(path: Path, sections: Sequence[Section]) -> bool:
    """Draw bars for each section; tell whether it could be done."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        print("matplotlib is not installed: no picture", flush=True)
        return False
    if not sections:
        return False
    mpl.rcParams["svg.hashsalt"] = "rasterwire"
    heights = [0.55 + 0.22 * len(section.lengths) for section in sections]
    figure = Figure(figsize=(9, sum(heights)), layout="constrained")
    axes = figure.subplots(len(sections), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, section in zip(axes, sections, strict=True):
        names, values = list(section.lengths), list(section.lengths.values())
        colours = ["#1f6f54" if name.startswith("rasterwire") else "#a9b4bd" for name in names]
        bars = axis.barh(names, values, color=colours)
        axis.bar_label(bars, fmt="%.3g", padding=3, fontsize=8)
        axis.invert_yaxis()
        axis.set_title(f"{section.title} ({section.unit})", loc="left", fontsize=9)
        axis.tick_params(labelsize=8, length=0)
        axis.set_xticks([])
        axis.margins(x=0.12)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    return True
