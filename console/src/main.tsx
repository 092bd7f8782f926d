import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/more.css";
import { render } from "preact";
import { App } from "./app/app";
import { startRouter } from "./app/router";

startRouter();
render(<App />, document.getElementById("app")!);
