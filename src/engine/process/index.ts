/** The engine process: what it does, and how it is started and reached. */
export { createLogFile } from './log-file.js';
export { serveRun, type EngineParts, type EngineRequest, type RunParts } from './serve.js';
export { connectControl, startEngineProcess, type EngineGreeting } from './start.js';
