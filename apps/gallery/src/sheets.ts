import { SAID, type Words } from './languages.ts'
import type { SampleName } from './samples.ts'

/** `held`: the object store does not answer; `refused`: the Tokenizer takes it not. */
export type Fate = 'held' | 'refused'

/** What a user does to bring a component into a state: nobody but the user can. */
export type Deed =
  | { readonly does: 'type'; readonly text: string }
  | { readonly does: 'focus' }
  | { readonly does: 'leave' }
  /** Presses one of the buttons that are in the frame, from 0. */
  | { readonly does: 'press'; readonly button: number }
  /** Picks one of the options, from 0; of a checkbox, checks it. */
  | { readonly does: 'pick'; readonly option: number }
  | { readonly does: 'submit' }
  | {
      readonly does: 'choose'
      readonly files: readonly ('picture' | 'text')[]
      /** What becomes of the upload, where it is not to arrive. */
      readonly fate?: Fate
    }

export interface State {
  /** What it shows, as it stands above the component. */
  readonly title: string
  readonly attributes?: Readonly<Record<string, Words | string | true>>
  /** What stands in its label, where it is not that of the sheet. */
  readonly label?: Words
  /** What it is filled from, or shows. */
  readonly sample?: SampleName
  /** Of a table: what stands in its rows. */
  readonly rows?: readonly SampleName[]
  readonly user?: readonly Deed[]
}

export interface Sheet {
  /** In its address, and in the names of its pictures. */
  readonly id: string
  readonly title: string
  readonly tag: string
  /** What it is called: by a `<label>`, or by itself. */
  readonly label: Words
  /** Whether a `<label>` stands above it. */
  readonly isField: boolean
  /** Of choices. */
  readonly options?: readonly { readonly value: string; readonly text: Words }[]
  /** Of a checkbox. */
  readonly text?: Words
  /** How many stand beside each other. */
  readonly columns: 1 | 2 | 3
  readonly states: readonly State[]
}

const typed = (text: string): Deed[] => [{ does: 'type', text }, { does: 'leave' }]
const FOCUS: Deed[] = [{ does: 'focus' }]
const SUBMIT: Deed[] = [{ does: 'submit' }]

const DIAGNOSES = [
  { value: 'J00', text: SAID.cold },
  { value: 'J10', text: SAID.flu },
  { value: 'G43', text: SAID.migraine },
]

export const SHEETS: readonly Sheet[] = [
  {
    id: 'input',
    title: 'SecureInput',
    tag: 'secure-input',
    label: SAID.name,
    isField: true,
    columns: 3,
    states: [
      { title: 'Empty' },
      { title: 'Placeholder', attributes: { placeholder: SAID.nameHint } },
      { title: 'Focused', attributes: { placeholder: SAID.nameHint }, user: FOCUS },
      { title: 'Filled', user: typed('Grace Hopper') },
      { title: 'Stored', sample: 'name' },
      { title: 'Loading', sample: 'pending' },
      { title: 'Invalid', label: SAID.pin, attributes: { pattern: '[0-9]{4}' }, user: typed('12') },
      { title: 'Required, submitted empty', attributes: { required: true }, user: SUBMIT },
      { title: 'Disabled', attributes: { disabled: true, placeholder: SAID.nameHint } },
      { title: 'Disabled, stored', attributes: { disabled: true }, sample: 'name' },
      { title: 'Read-only', attributes: { readonly: true }, sample: 'name' },
      { title: 'Stored, shown in part', sample: 'cardInPart' },
      { title: 'Failed: may not be read', sample: 'denied' },
      { title: 'Longer than the field', sample: 'long' },
    ],
  },
  {
    id: 'input-types',
    title: 'SecureInput: types',
    tag: 'secure-input',
    label: SAID.name,
    isField: true,
    columns: 3,
    states: [
      {
        title: 'password',
        label: SAID.password,
        attributes: { type: 'password' },
        user: typed('correct horse'),
      },
      {
        title: 'password with reveal',
        label: SAID.password,
        attributes: { type: 'password', reveal: true },
        user: typed('correct horse'),
      },
      { title: 'email', label: SAID.email, attributes: { type: 'email' }, user: typed('ada@example.com') },
      { title: 'number', label: SAID.amount, attributes: { type: 'number' }, user: typed('1234.50') },
      {
        title: 'one-time-code',
        label: SAID.code,
        attributes: { type: 'one-time-code', minlength: '6', maxlength: '6' },
        user: typed('493021'),
      },
      {
        title: 'card-number',
        label: SAID.card,
        attributes: { type: 'card-number' },
        user: typed('4242424242424242'),
      },
      {
        title: 'card-number, invalid',
        label: SAID.card,
        attributes: { type: 'card-number' },
        user: typed('4242424242424241'),
      },
      { title: 'card-expiry', label: SAID.expiry, attributes: { type: 'card-expiry' }, user: typed('0339') },
      { title: 'card-cvc', label: SAID.cvc, attributes: { type: 'card-cvc' }, user: typed('123') },
      {
        title: 'iban',
        label: SAID.iban,
        attributes: { type: 'iban' },
        user: typed('DE89370400440532013000'),
      },
      { title: 'ssn', label: SAID.ssn, attributes: { type: 'ssn' }, user: typed('078051120') },
      { title: 'ein', label: SAID.ein, attributes: { type: 'ein' }, user: typed('123456789') },
      {
        title: 'password, revealed',
        label: SAID.password,
        attributes: { type: 'password', reveal: true },
        user: [
          { does: 'type', text: 'correct horse' },
          { does: 'press', button: 0 },
        ],
      },
    ],
  },
  {
    id: 'textarea',
    title: 'SecureTextArea',
    tag: 'secure-textarea',
    label: SAID.notes,
    isField: true,
    columns: 2,
    states: [
      { title: 'Empty, with a placeholder', attributes: { placeholder: SAID.notesHint } },
      { title: 'Focused', user: [{ does: 'type', text: 'Penicillin' }] },
      { title: 'Stored', sample: 'notes' },
      { title: 'Longer than the field', attributes: { rows: '2' }, sample: 'long' },
      { title: 'Loading', sample: 'pending' },
      { title: 'Invalid', attributes: { minlength: '20' }, user: typed('Nothing') },
      { title: 'Disabled', attributes: { disabled: true }, sample: 'notes' },
      { title: 'Read-only', attributes: { readonly: true }, sample: 'notes' },
    ],
  },
  {
    id: 'select',
    title: 'SecureSelect',
    tag: 'secure-select',
    label: SAID.diagnosis,
    isField: true,
    options: DIAGNOSES,
    columns: 3,
    states: [
      { title: 'Empty', attributes: { placeholder: SAID.choose } },
      { title: 'Focused', attributes: { placeholder: SAID.choose }, user: FOCUS },
      {
        title: 'Picked',
        attributes: { placeholder: SAID.choose },
        user: [{ does: 'pick', option: 2 }, { does: 'leave' }],
      },
      { title: 'Stored', attributes: { placeholder: SAID.choose }, sample: 'flu' },
      { title: 'Stored, none of the options', sample: 'elsewhere' },
      { title: 'Loading', sample: 'pending' },
      {
        title: 'Required, submitted empty',
        attributes: { placeholder: SAID.choose, required: true },
        user: SUBMIT,
      },
      { title: 'Disabled', attributes: { placeholder: SAID.choose, disabled: true } },
      { title: 'Disabled, stored', attributes: { disabled: true }, sample: 'flu' },
    ],
  },
  {
    id: 'radio-group',
    title: 'SecureRadioGroup',
    tag: 'secure-radio-group',
    label: SAID.diagnosis,
    isField: true,
    options: DIAGNOSES,
    columns: 3,
    states: [
      { title: 'Empty' },
      { title: 'Focused', user: FOCUS },
      { title: 'Picked', user: [{ does: 'pick', option: 0 }, { does: 'leave' }] },
      { title: 'Stored', sample: 'flu' },
      { title: 'Loading', sample: 'pending' },
      { title: 'Required, submitted empty', attributes: { required: true }, user: SUBMIT },
      { title: 'Disabled', attributes: { disabled: true } },
      { title: 'Disabled, stored', attributes: { disabled: true }, sample: 'flu' },
    ],
  },
  {
    id: 'checkbox',
    title: 'SecureCheckbox',
    tag: 'secure-checkbox',
    label: SAID.smoker,
    isField: false,
    text: SAID.smoker,
    columns: 3,
    states: [
      { title: 'Not checked' },
      { title: 'Focused', user: FOCUS },
      { title: 'Checked', user: [{ does: 'pick', option: 0 }, { does: 'leave' }] },
      { title: 'Stored', sample: 'yes' },
      { title: 'Loading', sample: 'pending' },
      { title: 'Required, submitted unchecked', attributes: { required: true }, user: SUBMIT },
      { title: 'Disabled', attributes: { disabled: true } },
      { title: 'Disabled, stored', attributes: { disabled: true }, sample: 'yes' },
    ],
  },
  {
    id: 'paragraph',
    title: 'SecureParagraph, SecureSpan',
    tag: 'secure-paragraph',
    label: SAID.card,
    isField: false,
    columns: 2,
    states: [
      { title: 'Shown', sample: 'card' },
      { title: 'Loading', sample: 'pending' },
      { title: 'Shown in part', sample: 'cardInPart' },
      {
        title: 'In part, then all of it',
        sample: 'cardInPart',
        user: [{ does: 'press', button: 0 }, { does: 'leave' }],
      },
      {
        title: 'In part, and no more',
        attributes: { lines: '2' },
        sample: 'cardNoMore',
        user: [{ does: 'press', button: 0 }, { does: 'leave' }],
      },
      { title: 'To be copied', attributes: { copyable: true }, sample: 'card' },
      {
        title: 'Copied',
        attributes: { copyable: true },
        sample: 'card',
        user: [{ does: 'press', button: 0 }, { does: 'leave' }],
      },
      { title: 'Hidden after a time', attributes: { copyable: true, 'hide-after': '3600' }, sample: 'card' },
      {
        title: 'Hidden again',
        attributes: { 'hide-after': '3600' },
        sample: 'card',
        user: [{ does: 'press', button: 0 }, { does: 'leave' }],
      },
      { title: 'Failed: may not be read', sample: 'denied' },
      { title: 'Several lines', attributes: { lines: '3' }, sample: 'long' },
      { title: 'The focus on its button', sample: 'cardInPart', user: FOCUS },
    ],
  },
  {
    id: 'image',
    title: 'SecureImage',
    tag: 'secure-image',
    label: SAID.picture,
    isField: false,
    columns: 3,
    states: [
      { title: 'Contain', sample: 'picture' },
      { title: 'Cover', attributes: { fit: 'cover' }, sample: 'picture' },
      { title: 'Loading', sample: 'pending' },
      { title: 'No picture', sample: 'name' },
      { title: 'Failed: may not be read', sample: 'denied' },
    ],
  },
  {
    id: 'download',
    title: 'SecureDownload',
    tag: 'secure-download',
    label: SAID.contract,
    isField: false,
    columns: 3,
    states: [
      { title: 'Ready', sample: 'contract' },
      { title: 'Without a token' },
      { title: 'Saved', sample: 'contract', user: [{ does: 'press', button: 0 }, { does: 'leave' }] },
      {
        title: 'Failed: may not be read',
        sample: 'denied',
        user: [{ does: 'press', button: 0 }, { does: 'leave' }],
      },
      { title: 'Focused', sample: 'contract', user: FOCUS },
    ],
  },
  {
    id: 'upload',
    title: 'SecureUpload',
    tag: 'secure-upload',
    label: SAID.papers,
    isField: true,
    columns: 2,
    states: [
      { title: 'Empty', attributes: { rows: '3' } },
      { title: 'Several files', attributes: { rows: '3', multiple: true } },
      {
        title: 'On its way',
        attributes: { rows: '4', multiple: true },
        user: [{ does: 'choose', files: ['picture'], fate: 'held' }],
      },
      {
        title: 'Paused',
        attributes: { rows: '4', multiple: true },
        user: [
          { does: 'choose', files: ['picture'], fate: 'held' },
          { does: 'press', button: 1 },
          { does: 'leave' },
        ],
      },
      {
        title: 'Failed',
        attributes: { rows: '4' },
        user: [{ does: 'choose', files: ['text'], fate: 'refused' }],
      },
      {
        title: 'Arrived',
        attributes: { rows: '7', multiple: true },
        user: [{ does: 'choose', files: ['picture', 'text'] }],
      },
      {
        title: 'Refused: too large',
        attributes: { rows: '4', maxsize: '5' },
        user: [{ does: 'choose', files: ['text'] }],
      },
      { title: 'Stored', attributes: { rows: '4' }, sample: 'contract' },
      { title: 'Disabled', attributes: { rows: '3', disabled: true } },
      { title: 'Disabled, stored', attributes: { rows: '4', disabled: true }, sample: 'contract' },
      { title: 'Focused', attributes: { rows: '3' }, user: FOCUS },
    ],
  },
  {
    id: 'table',
    title: 'SecureTable, SecureList',
    tag: 'secure-table',
    label: SAID.customers,
    isField: false,
    columns: 2,
    states: [
      {
        title: 'Shown, in part, without access',
        attributes: { lines: '5' },
        rows: ['card', 'cardInPart', 'denied', 'long'],
      },
      { title: 'Loading', attributes: { lines: '5' }, rows: ['pending', 'pending', 'pending'] },
      { title: 'Without rows', attributes: { lines: '5' }, rows: [] },
      {
        title: 'More rows than lines',
        attributes: { lines: '3' },
        rows: ['card', 'card', 'card', 'card', 'card', 'card'],
      },
      {
        title: 'A cell has the focus',
        attributes: { lines: '5' },
        rows: ['card', 'long', 'card'],
        user: FOCUS,
      },
    ],
  },
]
