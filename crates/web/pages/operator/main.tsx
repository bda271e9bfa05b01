import "uplot/dist/uPlot.min.css";
import "uplot";
import { render } from "preact";
render(<p>hi</p>, document.body);
