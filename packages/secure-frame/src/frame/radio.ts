import { mountChoice } from './choice.ts'
import { makeRadioGroup } from './chooser.ts'
import { start } from './start.ts'

start((needs) => mountChoice('group', makeRadioGroup(), needs))
