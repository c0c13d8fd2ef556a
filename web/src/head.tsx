import { Segment } from "./choice";
import { Icon } from "./icon";
import { projectionOf } from "./projections";
import { image, imageId, ownProjection } from "./state";
import { TEXTS } from "./texts";
import { finestBand, pixelSide } from "./tiles";
import { count, number } from "./units";

/** The name of the image, and what it is. */
export function ImageHead() {
  const shown = image.value;
  const id = imageId.value;
  const cut = id.lastIndexOf("/");
  const band = shown && finestBand(shown);
  const projection = band && projectionOf(band.grid.crs);
  return (
    <section class="head">
      <button
        type="button"
        class="quiet back"
        onClick={() => {
          imageId.value = "";
        }}
      >
        <Icon name="back" /> {TEXTS.back}
      </button>
      {cut > 0 && <p class="parent">{id.slice(0, cut)}</p>}
      <h1>{id.slice(cut + 1)}</h1>
      {!shown ? (
        <p class="faint">{TEXTS.loading}</p>
      ) : (
        <>
          <dl class="facts">
            {shown.startTime && <Fact name={TEXTS.taken} value={shown.startTime.slice(0, 16).replace("T", " ")} />}
            {band && <Fact name={TEXTS.size} value={`${count(band.grid.width)} × ${count(band.grid.height)} px`} />}
            {band && (
              <Fact
                name={TEXTS.pixel}
                value={`${number(pixelSide(band.grid))} ${projection === "EPSG:4326" ? "°" : "m"}`}
              />
            )}
            {band && (
              <Fact
                name={TEXTS.crs}
                value={band.grid.crs.includes("[") ? TEXTS.customCrs : band.grid.crs || TEXTS.noCrs}
              />
            )}
          </dl>
          {band && !projection && <p class="note">{TEXTS.noProjection}</p>}
          {projection && projection !== "EPSG:3857" && (
            <div class="segments" role="group" aria-label={TEXTS.projection}>
              <Segment
                isOn={ownProjection.value}
                label={TEXTS.ownMap}
                choose={() => {
                  ownProjection.value = true;
                }}
              />
              <Segment
                isOn={!ownProjection.value}
                label={TEXTS.webMap}
                choose={() => {
                  ownProjection.value = false;
                }}
              />
            </div>
          )}
          {shown.unreadableAssets?.length ? (
            <details class="note">
              <summary>{TEXTS.unread(shown.unreadableAssets.length)}</summary>
              <ul>
                {shown.unreadableAssets.map(({ id: asset, reason }) => (
                  <li key={asset}>
                    <b>{asset}</b> {reason}
                  </li>
                ))}
              </ul>
            </details>
          ) : null}
        </>
      )}
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
