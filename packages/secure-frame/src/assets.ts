export { type Asset, buildFrameAssets, type FrameAssets, type FrameFile } from './assets/bundle.ts'
export { type Font, fontProblem } from './assets/fonts.ts'
export { frameHeaders } from './assets/headers.ts'
export { renderFramePage } from './assets/page.ts'
