import badge from "@nbpipes/kit/badge.css";
import finding from "@nbpipes/kit/finding.css";
import legend from "@nbpipes/kit/legend.css";
import table from "@nbpipes/kit/table.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("entities", draw, badge + finding + legend + table + css);
