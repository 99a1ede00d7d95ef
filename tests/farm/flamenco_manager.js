// What a job type meets in Flamenco Manager 3, for node: its globals, and nothing else. Prints the job that it makes.
//     node flamenco_manager.js JOB_TYPE.js '{"settings": {…}}'
"use strict";
const fs = require("fs");
const vm = require("vm");
const posix = require("path").posix;

let number = 0;
const texts = (list) => list.every((one) => typeof one === "string");

const author = {
    Task(name, type) {
        if (typeof name !== "string" || !name.trim()) throw new Error("a task needs a name");
        if (typeof type !== "string" || !type.trim()) throw new Error("a task needs a type");
        return {
            uuid: String(++number), name: name.trim(), type: type.trim(), priority: 50, commands: [], dependencies: [],
            addCommand(command) { this.commands.push(command); },
            addDependency(task) { this.dependencies.push(task.uuid); },
        };
    },
    Command(name, parameters, totalStepCount = 0) {
        // The worker refuses numbers in a list of arguments.
        for (const [key, value] of Object.entries(parameters)) {
            if (Array.isArray(value) && !texts(value)) throw new Error(key + " holds what is no text");
        }
        return { name, parameters, totalStepCount };
    },
};

const settings = JSON.parse(process.argv[3]).settings;
const tasks = [];
const job = {
    jobID: "job", name: "Shots", jobType: "", priority: 50, status: "under-construction",
    created: new Date(0), settings, metadata: {},
    addTask(task) {  // copied, as Go does: what is added to the task later is lost
        tasks.push(JSON.parse(JSON.stringify(task)));
    },
};
const globals = vm.createContext({
    author,
    path: { basename: posix.basename, dirname: posix.dirname, join: posix.join, stem: (name) => posix.parse(name).name },
    process: { cwd: () => "/", platform: "linux" },
    print() {}, alert() {},
    frameChunker() { throw new Error("there are no frames"); },
    frameCount() { throw new Error("there are no frames"); },
    formatTimestampLocal: () => "1970-01-01_000000",
    shellSplit: (text) => text.split(/\s+/),
});
const source = '"use strict";\n' + fs.readFileSync(process.argv[2], "utf8") + "\n[JOB_TYPE, compileJob];";
const [jobType, compileJob] = vm.runInContext(source, globals, { filename: process.argv[2] });
compileJob(job);
console.log(JSON.stringify({ settings: jobType.settings, label: jobType.label, tasks }));
