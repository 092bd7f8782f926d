import { chosen as theme, setTheme } from "../../app/theme";
import { Card } from "../../ui/page";

const choices: [typeof theme.value, string, string][] = [
  ["system", "As the system", "light by day and dark by night, if it does that"],
  ["light", "Light", "dark text on white"],
  ["dark", "Dark", "light text on near black"],
];

export function Appearance() {
  return (
    <Card title="Colours">
      <fieldset class="choices">
        <legend class="hidden-text">Colours</legend>
        {choices.map(([key, title, note]) => (
          <label key={key} class="choice">
            <input type="radio" name="theme" checked={theme.value === key} onChange={() => setTheme(key)} />
            <span>
              <b>{title}</b>
              <small class="muted">{note}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <p class="lead">Kept in this browser alone. Motion is as the system has it.</p>
    </Card>
  );
}
