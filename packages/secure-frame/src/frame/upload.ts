import { start } from './start.ts'
import { mountUpload } from './upload-widget.ts'

start(mountUpload)
