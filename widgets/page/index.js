import scene from "@nbpipes/kit/scene.css";
import { widget } from "@nbpipes/kit/widget.js";
import style from "./style.css";
import { draw } from "./view.js";

export default widget("page", draw, scene + style);
