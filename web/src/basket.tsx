/** Downloads of this browser, with how far they are. */
import { signal } from "@preact/signals";
import { Icon } from "./icon";
import { TEXTS } from "./texts";
import { type Entry, entries, forget, isExpired, resume } from "./transfer";
import { bytes } from "./units";

const isOpen = signal(true);

export function Basket() {
  const shown = entries.value;
  if (!shown.length) return null;
  return (
    <section class="basket" aria-labelledby="basket-title">
      <h2 id="basket-title">
        <button
          type="button"
          class="quiet"
          aria-expanded={isOpen.value}
          onClick={() => {
            isOpen.value = !isOpen.value;
          }}
        >
          {TEXTS.basket} <span class="badge">{shown.length}</span>
        </button>
      </h2>
      {isOpen.value && (
        <ul>
          {shown.map((entry) => (
            <BasketRow key={entry.id} entry={entry} />
          ))}
        </ul>
      )}
    </section>
  );
}

function BasketRow({ entry }: { entry: Entry }) {
  const isRunning = entry.stage === "rendering" || entry.stage === "reading" || entry.stage === "waiting";
  const expired = isExpired(entry);
  return (
    <li data-stage={entry.stage}>
      <div class="line">
        <span class="name">{entry.filename}</span>
        <span class="faint">{bytes(entry.size)}</span>
        {!expired && entry.stage !== "rendering" && entry.stage !== "reading" && (
          <button
            type="button"
            class="quiet"
            aria-label={`${TEXTS.again} ${entry.filename}`}
            title={TEXTS.again}
            onClick={() => void resume(entry)}
          >
            <Icon name={entry.stage === "done" ? "download" : "again"} />
          </button>
        )}
        <button
          type="button"
          class="quiet"
          aria-label={`${TEXTS.forget} ${entry.filename}`}
          title={TEXTS.forget}
          onClick={() => forget(entry)}
        >
          <Icon name="close" />
        </button>
      </div>
      {isRunning && <progress max={1} value={entry.part} aria-label={TEXTS.stages[entry.stage]} />}
      <div class="faint" role="status">
        {entry.stage === "failed" ? <span class="violation">{entry.problem}</span> : TEXTS.stages[entry.stage]}
        {entry.crc32c && (
          <>
            {" "}
            · <span class="sum">crc32c {entry.crc32c}</span>
          </>
        )}
        {expired
          ? ` · ${TEXTS.expired}`
          : ` · ${TEXTS.until} ${new Date(entry.expires).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`}
      </div>
    </li>
  );
}
