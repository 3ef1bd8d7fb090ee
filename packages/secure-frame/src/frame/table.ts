import { start } from './start.ts'
import { mountTable } from './table-view.ts'

start(mountTable)
