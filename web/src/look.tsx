/** How the image is drawn. */

import { Segment, SelectField, TextField, Violations } from "./choice";
import { Histograms } from "./histogram";
import { shownAs } from "./map";
import { change, changeLook, choices, image, look } from "./state";
import { TEXTS } from "./texts";
import { number } from "./units";

const PALETTES = [
  ["", "automatic"],
  ["000000,ffffff", "grey"],
  ["440154,414487,2a788e,22a884,7ad151,fde725", "viridis"],
  ["000004,3b0f70,8c2981,de4968,fe9f6d,fcfdbf", "magma"],
  ["a50026,f46d43,fee08b,d9ef8b,66bd63,006837", "red to green"],
  ["2166ac,92c5de,f7f7f7,f4a582,b2182b", "blue to red"],
  ["f7fcf0,ccebc5,7bccc4,2b8cbe,084081", "blues"],
  ["333399,0099ff,00cc66,ffff99,8c6b4f,ffffff", "heights"],
] as const;

export function Look() {
  const bands = image.value?.bands ?? [];
  const names = bands.map(({ id }) => [id, id] as const);
  const shown = shownAs.value;
  const drawn = look.value.bands.length ? look.value.bands : (shown?.bands.map(({ id }) => id) ?? []);
  const isGrey = drawn.length ? drawn.length === 1 : bands.length < 3;
  const first = bands[0]?.id ?? "";
  const setBand = (index: number, name: string) => {
    const next = [...drawn];
    next[index] = name;
    changeLook({ bands: next, min: "", max: "" });
  };
  const limits = shown?.bands ?? [];
  const auto = (key: "min" | "max") => [...new Set(limits.map((band) => number(band[key] ?? 0)))].join(", ");
  return (
    <section aria-labelledby="look-title">
      <h2 id="look-title">{TEXTS.look}</h2>
      {bands.length > 2 && (
        <div class="segments" role="group" aria-labelledby="look-title">
          <Segment
            isOn={!isGrey}
            label={TEXTS.colours}
            choose={() => changeLook({ bands: [], palette: "", min: "", max: "" })}
          />
          <Segment
            isOn={isGrey}
            label={TEXTS.oneBand}
            choose={() => changeLook({ bands: [drawn[0] ?? first], min: "", max: "", gamma: "" })}
          />
        </div>
      )}
      <div class="row">
        {(isGrey ? [TEXTS.band] : [TEXTS.red, TEXTS.green, TEXTS.blue]).map((label, index) => (
          <SelectField
            key={label}
            id={`look-${index}`}
            label={label}
            fields={[`visualization.bands[${index}]`]}
            value={drawn[index] ?? first}
            options={names}
            onChoice={(name) => setBand(index, name)}
          />
        ))}
      </div>
      <Violations fields={["visualization.bands"]} id="look-bands" />
      <Histograms />
      <div class="row">
        <TextField
          id="look-min"
          label={TEXTS.min}
          fields={["visualization.min"]}
          value={look.value.min}
          placeholder={auto("min") || TEXTS.automatic}
          onText={(min) => changeLook({ min })}
        />
        <TextField
          id="look-max"
          label={TEXTS.max}
          fields={["visualization.max"]}
          value={look.value.max}
          placeholder={auto("max") || TEXTS.automatic}
          onText={(max) => changeLook({ max })}
        />
        {!look.value.palette && (
          <TextField
            id="look-gamma"
            label={TEXTS.gamma}
            fields={["visualization.gamma"]}
            value={look.value.gamma}
            placeholder="1"
            onText={(gamma) => changeLook({ gamma })}
          />
        )}
      </div>
      {isGrey && (
        <SelectField
          id="palette"
          label={TEXTS.palette}
          fields={["visualization.palette"]}
          value={look.value.palette}
          options={PALETTES}
          onChoice={(palette) => changeLook({ palette, gamma: "", bands: drawn })}
        />
      )}
      {choices.value.bands.join() !== drawn.join() && drawn.length > 0 && (
        <button type="button" class="link" onClick={() => change({ bands: [...new Set(drawn)] })}>
          {TEXTS.takeBands}
        </button>
      )}
    </section>
  );
}
