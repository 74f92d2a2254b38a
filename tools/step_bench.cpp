// step_bench: how fast a training step or inference runs here, and where the time goes.
#include <fmt/format.h>

#include "tools/bench/step_report.h"

int main(int argc, char** argv) {
    using namespace objloc;
    CLI::App app(
        "Times a whole training step, and splits it by phase, op and layer. Type next:\n\n"
        "    step_bench                                     VGG16, batch 16, on the best device here\n"
        "    step_bench --device cpu --model vgg16-slim     the model that trains in minutes on a CPU\n"
        "    step_bench --inference --batch 1               how long one picture takes\n"
        "    step_bench --json >> steps.jsonl               one line to keep\n",
        "step_bench");
    bench::StepOptions options;
    options.add_to(app);
    bool json = false;
    app.add_flag("--json", json, "print one JSON object instead of tables");
    return run_tool(app, argc, argv, [&] {
        const bench::StepMeasurement measured = bench::measure_step(options);
        fmt::print("{}\n", json ? bench::step_json(options, measured) : bench::step_table(options, measured));
    });
}
