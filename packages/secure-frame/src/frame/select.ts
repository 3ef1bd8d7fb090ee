import { mountChoice } from './choice.ts'
import { makeSelect } from './chooser.ts'
import { start } from './start.ts'

start((needs) => mountChoice('list', makeSelect(), needs))
