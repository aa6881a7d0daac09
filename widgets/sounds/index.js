import bar from "@nbpipes/kit/bar.css";
import finding from "@nbpipes/kit/finding.css";
import player from "@nbpipes/kit/player.css";
import { widget } from "@nbpipes/kit/widget.js";
import css from "./style.css";
import { draw } from "./view.js";

export default widget("sounds", draw, bar + finding + player + css);
