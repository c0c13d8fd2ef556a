/** The grid, the bands and the format of the file. */
import { CheckField, Segment, SelectField, TextField, Violations } from "./choice";
import { isPicture } from "./params";
import { change, choices, image } from "./state";
import { TEXTS } from "./texts";

const FORMATS = [
  ["GEO_TIFF", "GeoTIFF"],
  ["ZIPPED_GEO_TIFF_PER_BAND", "GeoTIFF a band, in a zip"],
  ["ZIPPED_GEO_TIFF", "GeoTIFF in a zip"],
  ["NPY", "NumPy"],
  ["PNG", "PNG, as shown"],
  ["JPEG", "JPEG, as shown"],
] as const;

const RESAMPLINGS = "NEAREST BILINEAR CUBIC CUBIC_SPLINE LANCZOS AVERAGE MODE MIN MAX MEDIAN Q1 Q3 SUM RMS"
  .split(" ")
  .map((name) => [name === "NEAREST" ? "" : name, name.toLowerCase().replace("_", " ")] as const);

const MASKS = [
  ["", "automatic"],
  ["NODATA", "by nodata alone"],
  ["BAND", "a mask"],
  ["EACH_BAND", "a mask for each band"],
] as const;

const COMPRESSIONS = [
  ["", "deflate"],
  ["ZSTD", "zstd"],
  ["LZW", "LZW"],
  ["NONE", "none"],
] as const;

export function Output() {
  const form = choices.value;
  const picture = isPicture(form.format);
  const isTiff = !picture && form.format !== "NPY";
  return (
    <>
      <section aria-labelledby="output-title">
        <h2 id="output-title">{TEXTS.output}</h2>
        <SelectField
          id="format"
          label={TEXTS.format}
          fields={["format"]}
          value={form.format}
          options={FORMATS}
          onChoice={(format) => change({ format })}
        />
        {!picture && <BandChips />}
        <details>
          <summary>{TEXTS.moreOutput}</summary>
          {!picture && (
            <TextField
              id="nodata"
              label={TEXTS.nodata}
              fields={["nodata"]}
              value={form.nodata}
              placeholder={TEXTS.automatic}
              onText={(nodata) => change({ nodata })}
            />
          )}
          {!picture && (
            <SelectField
              id="mask"
              label={TEXTS.mask}
              fields={["mask"]}
              value={form.mask}
              options={MASKS}
              onChoice={(mask) => change({ mask })}
            />
          )}
          {isTiff && (
            <SelectField
              id="compression"
              label={TEXTS.compression}
              fields={["compression"]}
              value={form.compression}
              options={COMPRESSIONS}
              onChoice={(compression) => change({ compression })}
            />
          )}
          {isTiff && (
            <CheckField
              id="cog"
              label={TEXTS.cog}
              isOn={form.cloudOptimized}
              onChange={(cloudOptimized) => change({ cloudOptimized })}
            />
          )}
        </details>
      </section>
      <Grid />
    </>
  );
}

function BandChips() {
  const names = image.value?.bands?.map(({ id }) => id) ?? [];
  const chosen = choices.value.bands;
  const toggle = (name: string) =>
    change({ bands: chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name] });
  return (
    <div class="field">
      <span class="label" id="bands-label">
        {TEXTS.bands} {chosen.length ? "" : TEXTS.allOfThem}
      </span>
      <div class="chips" role="group" aria-labelledby="bands-label">
        {names.map((name) => (
          <button key={name} type="button" aria-pressed={chosen.includes(name)} onClick={() => toggle(name)}>
            {name}
          </button>
        ))}
      </div>
      <Violations fields={["bands"]} id="bands" />
    </div>
  );
}

function Grid() {
  const form = choices.value;
  const kinds = [
    ["native", TEXTS.native],
    ["scale", TEXTS.scale],
    ["dimensions", TEXTS.dimensions],
    ["transform", TEXTS.transform],
  ] as const;
  return (
    <section aria-labelledby="grid-title">
      <h2 id="grid-title">{TEXTS.grid}</h2>
      <div class="segments" role="group" aria-labelledby="grid-title">
        {kinds.map(([kind, label]) => (
          <Segment key={kind} isOn={form.grid === kind} label={label} choose={() => change({ grid: kind })} />
        ))}
      </div>
      {form.grid === "scale" && (
        <TextField
          id="scale"
          label={TEXTS.scaleLabel}
          fields={["scale"]}
          value={form.scale}
          placeholder="30"
          onText={(scale) => change({ scale })}
        />
      )}
      {(form.grid === "dimensions" || form.grid === "transform") && (
        <TextField
          id="dimensions"
          label={TEXTS.dimensionsLabel}
          fields={["dimensions"]}
          value={form.dimensions}
          placeholder="512 or 512 x 256"
          onText={(dimensions) => change({ dimensions })}
        />
      )}
      {form.grid === "transform" && (
        <TextField
          id="transform"
          label={TEXTS.transformLabel}
          fields={["crs_transform"]}
          value={form.transform}
          placeholder="30, 0, 500000, 0, -30, 4100000"
          onText={(transform) => change({ transform })}
        />
      )}
      {form.grid !== "native" && (
        <TextField
          id="crs"
          label={TEXTS.crsLabel}
          fields={["crs"]}
          value={form.crs}
          placeholder={TEXTS.sameCrs}
          onText={(crs) => change({ crs })}
        />
      )}
      {form.grid !== "native" && (
        <SelectField
          id="resampling"
          label={TEXTS.resampling}
          fields={["resampling"]}
          value={form.resampling}
          options={RESAMPLINGS}
          onChoice={(resampling) => change({ resampling })}
        />
      )}
    </section>
  );
}
