"""Problems: what is predicted. A problem never knows a method; a method asks the problem for losses and divergences."""
