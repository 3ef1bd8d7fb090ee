import { mountDownload } from './download-view.ts'
import { start } from './start.ts'

start(mountDownload)
