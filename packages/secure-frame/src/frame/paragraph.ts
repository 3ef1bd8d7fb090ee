import { mountParagraph } from './paragraph-view.ts'
import { start } from './start.ts'

start(mountParagraph)
