// @vitest-environment happy-dom
import { componentContract } from './components.ts'
import { elementContract } from './contract.ts'
import { doubledStage } from './doubled-stage.ts'

elementContract(() => doubledStage)
componentContract(() => doubledStage)
