import finding from "@nbpipes/kit/finding.css";
import thumbs from "@nbpipes/kit/thumbs.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("gallery", draw, finding + thumbs + css);
