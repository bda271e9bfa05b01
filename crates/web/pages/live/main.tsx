// The live page: where it starts.
//
// From the document to the components. Invariant: all that is drawn comes from here; the document itself says nothing.

import "../shared/theme.css";
import "./layout.css";
import "./stage.css";
import "./chat.css";
import "./comment.css";
import { render } from "preact";
import { Page } from "./page.tsx";

render(<Page />, document.body);
