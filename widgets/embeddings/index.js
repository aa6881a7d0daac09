import bar from "@nbpipes/kit/bar.css";
import table from "@nbpipes/kit/table.css";
import thumbs from "@nbpipes/kit/thumbs.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("embeddings", draw, bar + table + thumbs + css);
