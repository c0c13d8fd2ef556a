import { Segment } from "./choice";
import { Icon } from "./icon";
import { LONLAT, MERCATOR, projectionOf } from "./projections";
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
  const facts = [
    shown?.startTime?.slice(0, 16).replace("T", " "),
    band && `${count(band.grid.width)} × ${count(band.grid.height)} px`,
    band && `${number(pixelSide(band.grid))} ${projection === LONLAT ? "°" : "m"}`,
    band && (band.grid.crs.includes("[") ? TEXTS.customCrs : band.grid.crs || TEXTS.noCrs),
  ].filter(Boolean) as string[];
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
          <p class="faint facts">
            {facts.map((fact) => (
              <span key={fact}>{fact}</span>
            ))}
          </p>
          {band && !projection && <p class="note">{TEXTS.noProjection}</p>}
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

/** Which projection the map has, where the image has one of its own. */
export function ProjectionChoice() {
  const band = image.value && finestBand(image.value);
  const projection = band && projectionOf(band.grid.crs);
  if (!projection || projection === MERCATOR) return null;
  const choose = (own: boolean) => () => {
    ownProjection.value = own;
  };
  return (
    <div class="segments projection" role="group" aria-label={TEXTS.projection}>
      <Segment isOn={ownProjection.value} label={TEXTS.ownMap} choose={choose(true)} />
      <Segment isOn={!ownProjection.value} label={TEXTS.webMap} choose={choose(false)} />
    </div>
  );
}
