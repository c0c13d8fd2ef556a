import { useEffect, useRef } from "preact/hooks";
import { Basket } from "./basket";
import { Browse } from "./browse";
import { CopyDialog } from "./copy";
import { ImageHead, ProjectionChoice } from "./head";
import { Icon } from "./icon";
import { KeyField } from "./key";
import { Look } from "./look";
import { fitImage, showMap, tileProblem, tool, zoomBy } from "./map";
import { Output } from "./output";
import { PlanCard } from "./plan";
import { Readout } from "./readout";
import { RegionTools } from "./region";
import { image, imageId, imageProblem } from "./state";
import { TEXTS } from "./texts";
import { isDark, toggleTheme } from "./theme";

export function Page() {
  return (
    <div class="page">
      <aside class="panel">
        <header class="bar">
          <a class="brand" href="#" aria-label={TEXTS.title}>
            <Icon name="mark" /> {TEXTS.title}
          </a>
          <KeyField />
          <button
            type="button"
            class="quiet"
            onClick={toggleTheme}
            aria-label={isDark.value ? TEXTS.light : TEXTS.dark}
          >
            <Icon name={isDark.value ? "sun" : "moon"} />
          </button>
        </header>
        {imageId.value ? <ImagePanel /> : <Browse />}
      </aside>
      <Stage />
      <CopyDialog />
    </div>
  );
}

function ImagePanel() {
  return (
    <>
      <div class="scroll">
        <ImageHead />
        {imageProblem.value && <p class="problem">{imageProblem.value}</p>}
        {image.value && (
          <>
            <Look />
            <RegionTools />
            <Output />
          </>
        )}
      </div>
      {image.value && <PlanCard />}
    </>
  );
}

function Stage() {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => showMap(element.current as HTMLElement), []);
  return (
    <main class="stage">
      <div class="map" ref={element} role="application" aria-label={TEXTS.map} tabIndex={0} />
      <div class="tools" role="toolbar" aria-label={TEXTS.mapTools}>
        <button type="button" onClick={() => zoomBy(1)} aria-label={TEXTS.zoomIn}>
          <Icon name="plus" />
        </button>
        <button type="button" onClick={() => zoomBy(-1)} aria-label={TEXTS.zoomOut}>
          <Icon name="minus" />
        </button>
        {image.value && (
          <>
            <button type="button" onClick={() => fitImage()} aria-label={TEXTS.fit} title={TEXTS.fit}>
              <Icon name="fit" />
            </button>
            <ToolButton kind="box" label={TEXTS.box} />
            <ToolButton kind="polygon" label={TEXTS.polygon} />
          </>
        )}
      </div>
      <ProjectionChoice />
      {tool.value && <p class="hint">{tool.value === "box" ? TEXTS.boxHint : TEXTS.polygonHint}</p>}
      {image.value && tileProblem.value && <p class="hint problem">{tileProblem.value}</p>}
      <Readout />
      <Basket />
    </main>
  );
}

function ToolButton({ kind, label }: { kind: "box" | "polygon"; label: string }) {
  const isOn = tool.value === kind;
  return (
    <button
      type="button"
      aria-pressed={isOn}
      aria-label={label}
      title={label}
      onClick={() => {
        tool.value = isOn ? "" : kind;
      }}
    >
      <Icon name={kind} />
    </button>
  );
}
