// Begins the operator page.
//
// What `operator.html` loads. Invariant: styles come from style sheets alone, as the Content-Security-Policy demands.

import "uplot/dist/uPlot.min.css";
import "../shared/theme.css";
import "./operator.css";
import "./tree.css";
import { render } from "preact";
import { Page } from "./page.tsx";

render(<Page />, document.body);
