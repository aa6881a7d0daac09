import badge from "@nbpipes/kit/badge.css";
import bar from "@nbpipes/kit/bar.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("answers", draw, badge + bar + css);
