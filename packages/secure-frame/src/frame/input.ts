import type { PlainType } from '@lunadefend/contract/frame-messages'
import { makeEditor } from './editor.ts'
import { mountField } from './field.ts'
import { PLAIN_TYPES } from './plain-types.ts'
import { withReveal } from './reveal.ts'
import { start } from './start.ts'

start((needs) =>
  mountField(
    {
      edit: (events) => withReveal(makeEditor('input', events)),
      typeOf: ({ inputType = 'text' }) => PLAIN_TYPES[inputType as PlainType] ?? PLAIN_TYPES.text,
    },
    needs,
  ),
)
