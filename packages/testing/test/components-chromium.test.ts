import { componentContract } from './components.ts'
import { shareRealStage } from './real.ts'

componentContract(shareRealStage())
