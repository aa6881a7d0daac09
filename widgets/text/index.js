import finding from "@nbpipes/kit/finding.css";
import shades from "@nbpipes/kit/pieces.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("text", draw, finding + shades + css);
