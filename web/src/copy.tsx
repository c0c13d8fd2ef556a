/** The request as code. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { hasApiKey } from "./api";
import { Icon } from "./icon";
import { KEY_VARIABLE, snippets } from "./snippets";
import { accepted } from "./state";
import { TEXTS } from "./texts";

export const copyOpen = signal(false);
const chosen = signal("Python");
const isCopied = signal(false);

export function CopyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (copyOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [copyOpen.value]);
  const wanted = accepted.value;
  const all = copyOpen.value && wanted ? snippets(wanted) : [];
  const shown = all.find(({ name }) => name === chosen.value) ?? all[0];
  const copy = async (text: string) => {
    await navigator.clipboard?.writeText(text);
    isCopied.value = true;
    setTimeout(() => {
      isCopied.value = false;
    }, 1500);
  };
  return (
    <dialog
      ref={dialog}
      class="copy"
      aria-labelledby="copy-title"
      onClose={() => {
        copyOpen.value = false;
      }}
    >
      <header>
        <h2 id="copy-title">{TEXTS.copy}</h2>
        <button
          type="button"
          class="quiet"
          aria-label={TEXTS.close}
          onClick={() => {
            copyOpen.value = false;
          }}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="segments" role="group" aria-label={TEXTS.copy}>
        {all.map(({ name }) => (
          <button
            type="button"
            key={name}
            aria-pressed={shown?.name === name}
            onClick={() => {
              chosen.value = name;
            }}
          >
            {name}
          </button>
        ))}
      </div>
      {!shown && <p class="faint">{TEXTS.copyWait}</p>}
      {shown && (
        <>
          <pre tabIndex={0} id="snippet">
            {shown.code}
          </pre>
          {hasApiKey() && shown.name !== "JSON" && <p class="faint">{TEXTS.copyKey(KEY_VARIABLE)}</p>}
          <div class="actions">
            <button type="button" class="primary" onClick={() => void copy(shown.code)}>
              <Icon name="copy" /> {isCopied.value ? TEXTS.copied : TEXTS.copyCode}
            </button>
            <button type="button" onClick={() => void copy(location.href)}>
              <Icon name="link" /> {TEXTS.copyLink}
            </button>
          </div>
        </>
      )}
    </dialog>
  );
}
