export { type Bar, type BarChartOptions, barChart } from "./barChart.js";
export { confusionMatrix } from "./confusionMatrix.js";
export { type ContourChartOptions, contourChartSvg } from "./contourChartSvg.js";
export {
  type CaptionedImage,
  type ImageOptions,
  type ImageRowOptions,
  imageGrid,
  imageToTerminal,
} from "./image.js";
export { type LineChartOptions, lineChartSvg, type Series } from "./lineChartSvg.js";
export { type ProgressState, type ProgressWriter, progressBar, progressWriter } from "./progress.js";
export { type Cell, type TableOptions, table } from "./table.js";
export {
  type ChartOptions,
  type ColorDepth,
  type Terminal,
  type TextStream,
  terminalOf,
} from "./terminal.js";
export type { Align } from "./text.js";
