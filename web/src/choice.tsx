/** Fields of the form, each with what is wrong with it beside it. */
import type { ComponentChildren } from "preact";
import { violationsOf } from "./state";

export function Segment({ isOn, label, choose }: { isOn: boolean; label: string; choose: () => void }) {
  return (
    <button type="button" aria-pressed={isOn} onClick={choose}>
      {label}
    </button>
  );
}

/** What is wrong with fields of the request, where they are entered. */
export function Violations({ fields, id }: { fields: string[]; id: string }) {
  const found = violationsOf(...fields);
  return (
    <div id={`${id}-violations`} aria-live="polite">
      {found.map((violation) => (
        <p class="violation" key={violation.field + violation.reason}>
          {violation.description}
        </p>
      ))}
    </div>
  );
}

interface FieldProps {
  id: string;
  label: string;
  fields: string[];
  children?: ComponentChildren;
}

export function TextField({
  id,
  label,
  fields,
  value,
  placeholder,
  onText,
}: FieldProps & { value: string; placeholder?: string; onText: (text: string) => void }) {
  const isWrong = violationsOf(...fields).length > 0;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        value={value}
        placeholder={placeholder ?? ""}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={isWrong}
        aria-describedby={`${id}-violations`}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <Violations fields={fields} id={id} />
    </div>
  );
}

export function SelectField({
  id,
  label,
  fields,
  value,
  options,
  onChoice,
}: FieldProps & { value: string; options: readonly (readonly [string, string])[]; onChoice: (value: string) => void }) {
  const isWrong = violationsOf(...fields).length > 0;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-invalid={isWrong}
        aria-describedby={`${id}-violations`}
        onChange={(event) => onChoice(event.currentTarget.value)}
      >
        {options.map(([name, text]) => (
          <option key={name} value={name} selected={name === value}>
            {text}
          </option>
        ))}
      </select>
      <Violations fields={fields} id={id} />
    </div>
  );
}

export function CheckField({
  id,
  label,
  isOn,
  onChange,
}: {
  id: string;
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
}) {
  return (
    <label class="check" for={id}>
      <input id={id} type="checkbox" checked={isOn} onChange={(event) => onChange(event.currentTarget.checked)} />
      {label}
    </label>
  );
}
