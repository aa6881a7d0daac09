import go from "@nbpipes/kit/go.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("playground", draw, go + css);
