import { VIEWS } from '@lunadefend/contract'
import { fuzzAll } from './api.ts'

fuzzAll(Object.keys(VIEWS))
