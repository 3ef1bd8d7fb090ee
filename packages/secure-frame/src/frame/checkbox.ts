import { mountChoice } from './choice.ts'
import { makeCheckbox } from './chooser.ts'
import { start } from './start.ts'

start((needs) => mountChoice('tick', makeCheckbox(), needs))
