import { makeEditor } from './editor.ts'
import { mountField } from './field.ts'
import { start } from './start.ts'

start((needs) =>
  mountField(
    { edit: (events) => makeEditor('textarea', events), typeOf: () => ({ control: 'text' }) },
    needs,
  ),
)
