/** How often the values of a band occur, with handles for what is drawn darkest and brightest. */
import { effect, signal } from "@preact/signals";
import { type BandHistogram, get, pathOf } from "./api";
import { shownAs } from "./map";
import { changeLook, image } from "./state";
import { TEXTS } from "./texts";
import { number } from "./units";

const WIDTH = 256;
const HEIGHT = 40;

const histograms = signal<ReadonlyMap<string, BandHistogram>>(new Map());

effect(() => {
  const shown = image.value;
  // an address has names by commas; a band with one in its name gets no handles
  const bands = (shownAs.value?.bands.map(({ id }) => id) ?? []).filter((band) => !band.includes(","));
  const known = histograms.peek();
  if (!shown || bands.every((band) => known.has(keyOf(shown.id, band)))) return;
  const query = new URLSearchParams({ bands: bands.join(","), buckets: "128" });
  const abort = new AbortController();
  get<{ bands?: BandHistogram[] }>(`v1/images/${pathOf(shown.id)}:histogram?${query}`, abort.signal).then(
    (answer) => {
      const next = new Map(histograms.peek());
      for (const band of answer.bands ?? []) next.set(keyOf(shown.id, band.id), band);
      histograms.value = next;
    },
    () => undefined, // without it there are no handles; the fields below work all the same
  );
  return () => abort.abort();
});

const keyOf = (id: string, band: string) => `${id} ${band}`;

export function Histograms() {
  const bands = shownAs.value?.bands ?? [];
  const id = image.value?.id ?? "";
  const set = (index: number, end: "min" | "max", value: number) => {
    const next = bands.map((band, each) => (each === index ? value : (band[end] ?? 0)));
    changeLook({ [end]: next.map((each) => number(each)).join(", ") });
  };
  const tones = bands.length === 3 ? ["red", "green", "blue"] : ["grey"];
  return (
    <div class="histograms">
      {bands.map((band, index) => {
        const histogram = histograms.value.get(keyOf(id, band.id));
        if (!histogram?.counts?.length || histogram.min === undefined || histogram.max === undefined) return null;
        return (
          <Handles
            key={`${band.id} ${index}`}
            histogram={histogram}
            tone={tones[index] as string}
            low={band.min ?? 0}
            high={band.max ?? 0}
            set={(end, value) => set(index, end, value)}
          />
        );
      })}
    </div>
  );
}

interface HandlesProps {
  histogram: BandHistogram;
  tone: string;
  low: number;
  high: number;
  set: (end: "min" | "max", value: number) => void;
}

function Handles({ histogram, tone, low, high, set }: HandlesProps) {
  const [least, most] = shownRange(histogram, low, high);
  const step = (most - least) / 500 || 1;
  const counts = histogram.counts ?? [];
  const part = (value: number) => ((value - least) / (most - least || 1)) * WIDTH;
  const size = ((histogram.max ?? 0) - (histogram.min ?? 0)) / counts.length;
  const highest = Math.sqrt(Math.max(...counts, 1)); // roots, so that a peak does not flatten all else
  const points = counts.map((count, index) => {
    const x = part((histogram.min ?? 0) + (index + 0.5) * size);
    return `${x.toFixed(1)} ${(HEIGHT - (Math.sqrt(count) / highest) * HEIGHT).toFixed(1)}`;
  });
  const inputs = [
    ["min", low, TEXTS.min],
    ["max", high, TEXTS.max],
  ] as const;
  return (
    <div class={`histogram ${tone}`}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path
          d={`M${part(histogram.min ?? 0).toFixed(1)} ${HEIGHT}L${points.join("L")}L${part(histogram.max ?? 0).toFixed(1)} ${HEIGHT}Z`}
        />
        <path class="ramp" d={`M${part(low).toFixed(1)} ${HEIGHT}L${part(high).toFixed(1)} 0`} />
      </svg>
      {inputs.map(([end, value, label]) => (
        <input
          key={end}
          type="range"
          min={least}
          max={most}
          step={step}
          value={value}
          aria-label={`${label} ${histogram.id}`}
          onChange={(event) => set(end, Number(event.currentTarget.value))}
        />
      ))}
    </div>
  );
}

const MARGIN = 0.35;

/** Return from where to where values are drawn: what is shown, with room around; outliers would press it together. */
function shownRange(histogram: BandHistogram, low: number, high: number): [number, number] {
  const room = (high - low) * MARGIN;
  const least = Math.min(low, Math.max(histogram.min ?? low, low - room));
  const most = Math.max(high, Math.min(histogram.max ?? high, high + room));
  return [least, most];
}
