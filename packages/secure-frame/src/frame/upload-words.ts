import type { TextKey } from '@lunadefend/contract/frame-texts'
import { speaker } from './texts.ts'

export type UploadText = TextKey<'upload'>
export const say = speaker<'upload'>()
