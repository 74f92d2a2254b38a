// objloc_eval: how good a trained model is, on scenes it has not seen or on a folder of labelled pictures.
#include "tools/eval/run.h"

int main(int argc, char** argv) {
    CLI::App app(
        "Says how well a model places its boxes. Train one first (objloc_train), then:\n\n"
        "    objloc_eval --model runs/natural/model.h5                     2000 scenes it has never seen\n"
        "    objloc_eval --model runs/blob/model.h5 --scene blob --seed 7 --count 500\n"
        "    objloc_eval --model runs/natural/model.h5 --images photos/ --boxes boxes.csv --out eval/\n"
        "                      your own pictures; eval/ gets the worst and the best of them, drawn\n",
        "objloc_eval");
    objloc::EvalOptions options;
    options.add_to(app);
    return objloc::run_tool(app, argc, argv, [&] { objloc::evaluate_model(options); });
}
