/** The region: drawn on the map, or entered as a text. */
import { signal } from "@preact/signals";
import GeoJSON from "ol/format/GeoJSON";
import WKT from "ol/format/WKT";
import { CheckField, Violations } from "./choice";
import { Icon } from "./icon";
import { canSnap, fitArea, snapArea, takeView, tool } from "./map";
import { type Area, isArea } from "./params";
import { change, choices, setArea } from "./state";
import { TEXTS } from "./texts";

const draft = signal<string | null>(null); // what is typed and is no region yet

/** Return a region as people write it. */
export function areaText(area: Area | null): string {
  if (!area) return "";
  return area.kind === "box" ? area.corners.join(", ") : JSON.stringify(area.geometry);
}

/** Return the region that a text says, null where it says none. */
export function readArea(text: string, crs: string): Area | null {
  const trimmed = text.trim();
  const numbers = trimmed
    .split(/[\s,;[\]]+/)
    .filter(Boolean)
    .map(Number);
  if (numbers.length === 4 && numbers.every(Number.isFinite))
    return { kind: "box", crs, corners: numbers as [number, number, number, number] };
  try {
    if (trimmed.startsWith("{")) {
      const area = { kind: "shape", crs: "", geometry: geometryOf(JSON.parse(trimmed)) };
      return isArea(area) ? area : null;
    }
    const geometry = new WKT().readGeometry(trimmed);
    return { kind: "shape", crs: "", geometry: new GeoJSON().writeGeometryObject(geometry) as GeoJSON.Geometry };
  } catch {
    return null;
  }
}

/** Return the geometry of any GeoJSON; of several features, all of theirs. */
function geometryOf(document: GeoJSON.GeoJSON): GeoJSON.Geometry {
  if (document.type === "Feature") return document.geometry;
  if (document.type === "FeatureCollection")
    return { type: "GeometryCollection", geometries: document.features.map((feature) => feature.geometry) };
  if (!document.type) throw new Error("no GeoJSON");
  return document;
}

export function RegionTools() {
  const { area, clip } = choices.value;
  const text = draft.value ?? areaText(area);
  const isWrong = draft.value !== null && draft.value.trim() !== "";
  const enter = (entered: string) => {
    const crs = area?.kind === "box" ? area.crs : "";
    const found = readArea(entered, crs);
    draft.value = found || !entered.trim() ? null : entered;
    if (found || !entered.trim()) setArea(found);
    if (found) queueMicrotask(fitArea);
  };
  const drop = async (event: DragEvent) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    enter(await file.text());
  };
  return (
    <section aria-labelledby="region-title">
      <h2 id="region-title">{TEXTS.region}</h2>
      <div class="segments">
        <button
          type="button"
          aria-pressed={!area}
          onClick={() => {
            draft.value = null;
            setArea(null);
          }}
        >
          {TEXTS.whole}
        </button>
        <button
          type="button"
          onClick={() => {
            draft.value = null;
            takeView();
          }}
        >
          {TEXTS.view}
        </button>
        <button
          type="button"
          aria-pressed={tool.value === "box"}
          aria-label={TEXTS.box}
          title={TEXTS.box}
          onClick={() => {
            tool.value = tool.value === "box" ? "" : "box";
          }}
        >
          <Icon name="box" />
        </button>
        <button
          type="button"
          aria-pressed={tool.value === "polygon"}
          aria-label={TEXTS.polygon}
          title={TEXTS.polygon}
          onClick={() => {
            tool.value = tool.value === "polygon" ? "" : "polygon";
          }}
        >
          <Icon name="polygon" />
        </button>
      </div>
      <div class="field">
        <label for="region">
          {area?.crs
            ? `${TEXTS.pasteLabel}, ${area.crs.includes("[") ? TEXTS.customCrs : area.crs}`
            : `${TEXTS.pasteLabel}, ${TEXTS.lonLat}`}
        </label>
        <textarea
          id="region"
          rows={area?.kind === "shape" ? 3 : 1}
          spellcheck={false}
          placeholder={TEXTS.paste}
          value={text}
          aria-invalid={isWrong}
          aria-describedby="region-violations"
          onInput={(event) => enter(event.currentTarget.value)}
          onDragOver={(event) => event.preventDefault()}
          onDrop={drop}
        />
        {isWrong && <p class="violation">{TEXTS.badRegion}</p>}
        <Violations fields={["region"]} id="region" />
      </div>
      {canSnap(area) && (
        <button type="button" class="link" onClick={snapArea}>
          {TEXTS.snap}
        </button>
      )}
      {area?.kind === "shape" && (
        <CheckField id="clip" label={TEXTS.clip} isOn={clip} onChange={(isOn) => change({ clip: isOn })} />
      )}
    </section>
  );
}
