/*
 * Trains a small multilayer perceptron on handwritten digits, epoch by epoch, and prints after
 * each: epoch=3 loss=0.4211 accuracy=0.8790 loss and accuracy are those of the held-out fifth of
 * the data. It knows nothing of Dozan.
 *
 *     train DATA.csv LEARNING_RATE MOMENTUM HIDDEN_UNITS EPOCHS
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIXELS = 64, DIGITS = 10, MAX_HIDDEN = 256, MAX_ROWS = 4096, BATCH = 16 };

static double image[MAX_ROWS][PIXELS];
static int digit[MAX_ROWS];

static double w1[MAX_HIDDEN][PIXELS + 1],
    w2[DIGITS][MAX_HIDDEN + 1]; /* the last column is the bias */
static double v1[MAX_HIDDEN][PIXELS + 1], v2[DIGITS][MAX_HIDDEN + 1]; /* velocities */
static double g1[MAX_HIDDEN][PIXELS + 1], g2[DIGITS][MAX_HIDDEN + 1]; /* gradients of the batch */
static double hidden[MAX_HIDDEN], output[DIGITS];

static double random_uniform(void)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 9007199254740992.0;
}

static int read_rows(const char *path)
{
    FILE *file = fopen(path, "r");
    int rows = 0;
    char line[1024];
    if (!file)
        return -1;
    while (rows < MAX_ROWS && fgets(line, sizeof line, file)) {
        char *at = line;
        for (int i = 0; i < PIXELS; i++, at++)
            image[rows][i] = strtod(at, &at) / 16.0;
        digit[rows++] = (int)strtol(at, NULL, 10);
    }
    fclose(file);
    return rows;
}

static void initialise(int units)
{
    for (int j = 0; j < units; j++)
        for (int i = 0; i < PIXELS; i++)
            w1[j][i] = (2 * random_uniform() - 1) * sqrt(6.0 / PIXELS);
    for (int k = 0; k < DIGITS; k++)
        for (int j = 0; j < units; j++)
            w2[k][j] = (2 * random_uniform() - 1) * sqrt(6.0 / units);
}

/* Fills hidden and output (the class probabilities) for one image; returns its cross-entropy. */
static double forward(int row, int units)
{
    double sum = 0, highest = -INFINITY;
    for (int j = 0; j < units; j++) {
        double a = w1[j][PIXELS];
        for (int i = 0; i < PIXELS; i++)
            a += w1[j][i] * image[row][i];
        hidden[j] = a > 0 ? a : 0;
    }
    for (int k = 0; k < DIGITS; k++) {
        output[k] = w2[k][units];
        for (int j = 0; j < units; j++)
            output[k] += w2[k][j] * hidden[j];
        highest = fmax(highest, output[k]);
    }
    for (int k = 0; k < DIGITS; k++)
        sum += output[k] = exp(output[k] - highest);
    for (int k = 0; k < DIGITS; k++)
        output[k] /= sum;
    return -log(output[digit[row]] + 1e-300);
}

static void backward(int row, int units)
{
    double back[MAX_HIDDEN] = {0};
    for (int k = 0; k < DIGITS; k++) {
        double delta = output[k] - (k == digit[row]);
        for (int j = 0; j < units; j++) {
            g2[k][j] += delta * hidden[j];
            back[j] += delta * w2[k][j];
        }
        g2[k][units] += delta;
    }
    for (int j = 0; j < units; j++) {
        if (hidden[j] <= 0)
            continue;
        for (int i = 0; i < PIXELS; i++)
            g1[j][i] += back[j] * image[row][i];
        g1[j][PIXELS] += back[j];
    }
}

static void descend(double *w, double *v, double *g, int count, double rate, double momentum)
{
    for (int i = 0; i < count; i++) {
        v[i] = momentum * v[i] - rate * g[i] / BATCH;
        w[i] += v[i];
        g[i] = 0;
    }
}

static void train_epoch(int rows, int units, double rate, double momentum)
{
    for (int step = 0; step < rows / BATCH; step++) {
        for (int b = 0; b < BATCH; b++) {
            int row = (int)(random_uniform() * rows);
            (void)forward(row, units);
            backward(row, units);
        }
        for (int j = 0; j < units; j++)
            descend(w1[j], v1[j], g1[j], PIXELS + 1, rate, momentum);
        for (int k = 0; k < DIGITS; k++)
            descend(w2[k], v2[k], g2[k], units + 1, rate, momentum);
    }
}

static void report(int epoch, int from, int to, int units)
{
    double loss = 0;
    int right = 0;
    for (int row = from; row < to; row++) {
        loss += forward(row, units);
        int best = 0;
        for (int k = 1; k < DIGITS; k++)
            best = output[k] > output[best] ? k : best;
        right += best == digit[row];
    }
    printf("epoch=%d loss=%.4f accuracy=%.4f\n", epoch, loss / (to - from),
           (double)right / (to - from));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: train DATA.csv LEARNING_RATE MOMENTUM HIDDEN_UNITS EPOCHS\n");
        return 2;
    }
    int rows = read_rows(argv[1]);
    double rate = strtod(argv[2], NULL), momentum = strtod(argv[3], NULL);
    long units = strtol(argv[4], NULL, 10), epochs = strtol(argv[5], NULL, 10);
    if (rows < 100 || units < 1 || units > MAX_HIDDEN || epochs < 1) {
        fprintf(stderr, "train: %s\n",
                rows < 100 ? "the data cannot be read" : "an argument is out of range");
        return 2;
    }
    int held_out = rows - rows / 5;
    initialise((int)units);
    for (int epoch = 1; epoch <= (int)epochs; epoch++) {
        train_epoch(held_out, (int)units, rate, momentum);
        report(epoch, held_out, rows, (int)units);
    }
    return 0;
}
