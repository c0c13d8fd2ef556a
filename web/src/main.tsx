import "ol/ol.css";
import "./style.css";
import { render } from "preact";
import { Page } from "./page";
import { keepStateInAddress } from "./state";
import { applyTheme } from "./theme";

applyTheme();
keepStateInAddress();
render(<Page />, document.getElementById("page") as HTMLElement);
