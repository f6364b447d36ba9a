#include "gauss.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_erf.h>
#include <math.h>
#include <stddef.h>

double dz_gauss_pdf(double z)
{
    return exp(-0.5 * z * z) / DZ_SQRT_2PI;
}

double dz_gauss_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

double dz_gauss_mass(double low, double high)
{
    if (low > 0) {
        return dz_gauss_mass(-high, -low);
    }
    return 0.5 * (erfc(-high * M_SQRT1_2) - erfc(-low * M_SQRT1_2));
}

double dz_gauss_log_cdf(double z, double *slope)
{
    *slope = gsl_sf_hazard(-z);
    return gsl_sf_log_erfc(-z * M_SQRT1_2) - M_LN2;
}

double dz_gauss_quantile(double p)
{
    return gsl_cdf_ugaussian_Pinv(p);
}

double dz_gauss_log_improvement(double z, double *slope)
{
    if (z > -1.0) {
        double cdf = dz_gauss_cdf(z);
        double value = dz_gauss_pdf(z) + z * cdf;
        if (slope != NULL) {
            *slope = cdf / value;
        }
        return log(value);
    }
    /* With the hazard h = phi(z)/Phi(z), which GSL computes without cancellation: value = phi(z) (1
     * + z/h). Far out 1 + z/h cancels as well, and its asymptotic series 1/z^2 - 3/z^4 + ... takes
     * over. */
    double log_pdf = -0.5 * z * z - log(DZ_SQRT_2PI);
    double hazard = gsl_sf_hazard(-z);
    double z2 = z * z;
    double rest = z > -1e2 ? 1.0 + z / hazard : (1.0 - (3.0 - 15.0 / z2) / z2) / z2;
    if (slope != NULL) {
        *slope = 1.0 / (hazard * rest);
    }
    return log_pdf + log(rest);
}
