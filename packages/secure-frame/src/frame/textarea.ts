import { mountField } from './field.ts'
import { start } from './start.ts'

start((needs) => mountField('textarea', needs))
