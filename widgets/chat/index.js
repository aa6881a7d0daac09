import finding from "@nbpipes/kit/finding.css";
import go from "@nbpipes/kit/go.css";
import shades from "@nbpipes/kit/pieces.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("chat", draw, finding + go + shades + css);
