// objloc_train: trains a localizer on scenes drawn without end, and leaves a run folder.
#include "tools/train/run.h"

int main(int argc, char** argv) {
    CLI::App app(
        "Trains an object localizer. With no arguments at all it works at once:\n\n"
        "    objloc_train                                cats over photographs, on the best device here\n"
        "    objloc_train --scene blob --seed 1          the easiest scene\n"
        "    objloc_train --sprite dog.png --backgrounds photos/      your own object, your own places\n"
        "    objloc_predict --model runs/natural/model.h5 photo.jpg   afterwards\n",
        "objloc_train");
    objloc::TrainOptions options;
    options.add_to(app);
    return objloc::run_tool(app, argc, argv, [&] {
        options.apply_recipe(app);
        objloc::train(options);
    });
}
