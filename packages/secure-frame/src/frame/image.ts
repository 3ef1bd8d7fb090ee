import { mountImage } from './image-view.ts'
import { start } from './start.ts'

start(mountImage)
