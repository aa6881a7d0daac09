import legend from "@nbpipes/kit/legend.css";
import scene from "@nbpipes/kit/scene.css";
import { widget } from "@nbpipes/kit/widget.js";
import { draw } from "./view.js";

export default widget("boxes", draw, legend + scene);
