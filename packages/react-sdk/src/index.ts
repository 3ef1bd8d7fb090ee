export {
  type Appearance,
  LunaDefendError,
  type LunaDefendErrorCode,
  type SecureFieldState,
  type SecureInputType,
} from '@lunadefend/browser'
export {
  type LunaDefendActions,
  LunaDefendProvider,
  type LunaDefendProviderProps,
  useLunaDefend,
} from './provider.ts'
export {
  SecureCheckbox,
  type SecureCheckboxProps,
  SecureRadioGroup,
  type SecureRadioGroupProps,
  SecureSelect,
  type SecureSelectProps,
} from './secure-choice.ts'
export {
  type SecureFieldEvent,
  type SecureFieldProps,
  SecureInput,
  type SecureInputProps,
  SecureTextArea,
  type SecureTextAreaProps,
} from './secure-field.ts'
export { SecureForm, type SecureFormProps } from './secure-form.ts'
export {
  type ManyValuesProps,
  SecureList,
  type SecureListProps,
  SecureTable,
  type SecureTableProps,
  type TableColumn,
  type TableRow,
} from './secure-table.ts'
export {
  SecureUpload,
  type SecureUploadEvent,
  type SecureUploadProps,
  type SecureUploadState,
} from './secure-upload.ts'
export {
  SecureDownload,
  type SecureDownloadProps,
  SecureImage,
  type SecureImageProps,
  SecureParagraph,
  type SecureParagraphProps,
  type SecureShownProps,
  SecureSpan,
} from './shown.ts'
