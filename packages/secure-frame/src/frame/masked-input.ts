import type { MaskedType, Rules } from '@lunadefend/contract/frame-messages'
import { mountField } from './field.ts'
import type { FieldType } from './field-type.ts'
import { makeMaskedEditor } from './masked-editor.ts'
import { MASKED_TYPES } from './masked-types.ts'
import { start } from './start.ts'

/** A page that asks for none of the types of this component gets a line of text. */
function typeOf({ inputType }: Rules): FieldType {
  return MASKED_TYPES[inputType as MaskedType] ?? { control: 'text' }
}

start((needs) => mountField({ edit: makeMaskedEditor, typeOf }, needs))
